# A small image: `docker build -t smtp-mcp-server .`, then `docker run -i --env-file .env -v smtp-mcp-server:/var/lib/smtp-mcp-server smtp-mcp-server`.
# The volume holds the outbox and stored logins. Without it, mails that wait are lost with the container.
# Over HTTP: `docker run -p 127.0.0.1:8000:8000 --env-file .env smtp-mcp-server --transport http --host 0.0.0.0`, with a token in .env;
# the health check is then `smtp-mcp-server health` (none is set by default, because over stdio there is no port to check).

# The same Debian in both stages, so that the C library matches.
FROM rust:1.95-slim-bookworm AS build
# jemalloc is built from source.
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY crates crates
COPY bench bench
COPY xtask xtask
# Without `capture` and `demo`, and what only they need.
RUN cargo build --release --locked --package smtp-mcp-server --no-default-features --features jemalloc

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin appuser \
    && install -d -m 700 -o appuser -g appuser /var/lib/smtp-mcp-server
COPY --from=build /build/target/release/smtp-mcp-server /usr/local/bin/smtp-mcp-server
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/smtp-mcp-server/
USER appuser
ENV STATE_DIRECTORY=/var/lib/smtp-mcp-server
VOLUME /var/lib/smtp-mcp-server
WORKDIR /tmp
ENTRYPOINT ["smtp-mcp-server"]
