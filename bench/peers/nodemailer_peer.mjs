// nodemailer as a contestant, with its pool. Prints the time to the first mail and of all further ones.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [host, port, security, connections, messages, size, ca, user, pass, modules] = process.argv.slice(2);
const nodemailer = createRequire(modules + "/")("nodemailer");
const line = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n";
const text = line.repeat(Math.ceil(size / line.length)).slice(0, size - 2) + "\r\n";
const raw = "From: <a@lab.test>\r\nTo: <b@lab.test>\r\nSubject: measured\r\n\r\n" + text;

const transport = nodemailer.createTransport({
  host, port: Number(port), pool: true, maxConnections: Number(connections), maxMessages: Infinity,
  secure: security === "implicit", requireTLS: security === "starttls", ignoreTLS: security === "plain",
  tls: security === "plain" ? {} : { ca: readFileSync(ca) },
  auth: security === "plain" ? undefined : { user, pass },
});
const send = () => transport.sendMail({ envelope: { from: "a@lab.test", to: ["b@lab.test"] }, raw });

let began = performance.now();
await send();
const first = performance.now() - began;
await Promise.all(Array.from({ length: Number(connections) * 2 }, send));

let left = Number(messages);
const work = async () => { while (left-- > 0) await send(); };
began = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, work));
console.log(first / 1e3, (performance.now() - began) / 1e3);
transport.close();
