//! A client at a program's standard streams: one line out, one line in.

use std::io::{BufRead as _, BufReader, Read, Write};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::Streams;
use crate::rpc;

/// A client whose session has begun.
pub(crate) struct Client {
    to: Box<dyn Write>,
    from: BufReader<Box<dyn Read>>,
    next: u64,
}

impl Client {
    /// Initializes and asks for the tools, all in one write, and waits for both answers.
    pub(crate) fn begin(streams: Streams) -> Result<Self> {
        let mut client = Self { to: streams.to, from: BufReader::new(streams.from), next: rpc::HELLO + 2 };
        let list = rpc::list_tools(rpc::HELLO + 1);
        let lines = format!("{}\n{}\n{list}\n", rpc::initialize(), rpc::initialized());
        client.to.write_all(lines.as_bytes())?;
        for _ in 0..2 {
            client.answer()?;
        }
        Ok(client)
    }

    /// Calls a tool and returns the line that answers.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<String> {
        let mut line = rpc::call(self.id(), tool, arguments);
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        self.answer()
    }

    /// Calls a tool `calls` times, always with `in_flight` calls without an answer.
    pub(crate) fn burst(
        &mut self,
        tool: &str,
        arguments: &Value,
        calls: usize,
        in_flight: usize,
    ) -> Result<()> {
        let mut said = in_flight.min(calls);
        self.say(tool, arguments, said)?;
        let mut answered = 0;
        while answered < calls {
            // Whatever has arrived is answered with as many new calls, in one write.
            let mut received = 0;
            loop {
                self.answer()?;
                received += 1;
                if !self.from.buffer().contains(&b'\n') {
                    break;
                }
            }
            answered += received;
            let more = received.min(calls - said);
            self.say(tool, arguments, more)?;
            said += more;
        }
        Ok(())
    }

    fn say(&mut self, tool: &str, arguments: &Value, calls: usize) -> Result<()> {
        let mut lines = String::new();
        for _ in 0..calls {
            lines += &rpc::call(self.id(), tool, arguments);
            lines.push('\n');
        }
        Ok(self.to.write_all(lines.as_bytes())?)
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("the program closed its output");
        }
        if !rpc::is_fine(&line) {
            bail!("the program answered: {line}");
        }
        Ok(line)
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
