// An OAuth provider for tests: npm's oidc-provider, with a person who always agrees, and with switches for what goes wrong.
// Arguments: the directory of its modules, and JSON with its settings. It prints its port.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, settings] = process.argv.slice(2);
const { resolve } = createRequire(`${modules}/`);
const { default: Provider, interactionPolicy } = await import(pathToFileURL(resolve("oidc-provider")));
const { account, lifetime } = JSON.parse(settings);

// Listening first, because the issuer's URL has the port.
const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }));

const state = { lifetime, refreshes: 0, hold: false, held: 0, release: [] };
const redirectUris = ["http://127.0.0.1", "http://localhost"];
const person = { redirect_uris: redirectUris, application_type: "native", grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] };
const provider = new Provider(origin, {
  clients: [
    { ...person, client_id: "public-app", token_endpoint_auth_method: "none" },
    { ...person, client_id: "desktop-app", client_secret: "secret-of-the-desktop-app", token_endpoint_auth_method: "client_secret_post" },
    { client_id: "service", client_secret: "secret-of-the-service", token_endpoint_auth_method: "client_secret_post", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
    { client_id: "dovecot", client_secret: "secret-of-dovecot", grant_types: [], redirect_uris: [], response_types: [] },
  ],
  scopes: ["openid", "email", "offline_access", "https://mail.google.com/", "https://outlook.office.com/SMTP.Send"],
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
  },
  interactions: { policy, url: (_, interaction) => `/agree/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id }) }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  rotateRefreshToken: true,
  ttl: { AccessToken: () => state.lifetime, ClientCredentials: () => state.lifetime, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600, DeviceCode: 600, AuthorizationCode: 60, IdToken: 600 },
  async loadExistingGrant({ oidc }) {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    if (known) return oidc.provider.Grant.find(known);
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope([...oidc.requestParamScopes].join(" "));
    await grant.save();
    return grant;
  },
});

provider.use(async (context, next) => {
  await next();
  const isToken = context.path === "/token" && context.oidc?.params?.grant_type === "refresh_token";
  if (isToken && context.status === 200) state.refreshes += 1;
  if (context.path === "/device/auth" && context.status === 200) context.body = { ...context.body, interval: 1 };
  // The provider has done its part, and the answer does not leave.
  if (isToken && state.hold) {
    state.held += 1;
    await new Promise((released) => state.release.push(released));
  }
});

const handle = provider.callback();
server.on("request", async (request, response) => {
  const url = new URL(request.url, origin);
  if (url.pathname.startsWith("/agree/")) {
    const { prompt } = await provider.interactionDetails(request, response);
    const result = { login: { login: { accountId: account } }, consent: { consent: {} }, select_account: { select_account: {} } }[prompt.name];
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
  if (url.pathname === "/control") {
    for (const [name, value] of url.searchParams) state[name] = JSON.parse(value);
    if (state.forget) await (await provider.AccessToken.find(state.forget)).destroy();
    state.forget = undefined;
    if (!state.hold) state.release.splice(0).forEach((released) => released());
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ refreshes: state.refreshes, held: state.held }));
  }
  return handle(request, response);
});
console.log(origin);
