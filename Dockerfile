# syntax=docker/dockerfile:1

# Any image with Node and npm; deploy/image/build makes one where none can be pulled.
ARG NODE_IMAGE=node:22-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# With a registry of your own: docker build --secret id=npmrc,src=$HOME/.npmrc --secret id=authority,src=authority.pem
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=authority \
  if [ -s /run/secrets/authority ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/authority; fi \
  && npm ci --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json bundle.mjs build-inputs.mjs ./
COPY migrations migrations
COPY src src
COPY customer-pages customer-pages
COPY console console
COPY clients/browser clients/browser
COPY deploy/image/prune-modules.mjs deploy/image/write-compile-cache.mjs deploy/image/write-sbom.mjs deploy/image/
RUN npm run build \
  && npm run --silent sbom > sbom.cdx.json \
  && npm prune --omit=dev --omit=optional --no-audit --no-fund \
  && node deploy/image/prune-modules.mjs node_modules \
  && node deploy/image/write-compile-cache.mjs dist/bundle dist/compiled 1000 \
  && chown -R 0:0 dist/compiled && chmod -R a+rX,go-w dist/compiled

# Without the embedded Postgres, without npm, without compilers: DATABASE_URL is needed.
FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Metavault" \
  org.opencontainers.image.description="Token lifecycle and credential vault for Meta's APIs" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/dist/compiled
WORKDIR /app
RUN rm -rf /usr/local/lib/node_modules/npm /usr/local/bin/npm /usr/local/bin/npx /opt/yarn* /usr/local/bin/yarn*
COPY --from=build /app/package.json /app/sbom.cdx.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# Where the sandbox keeps its state when compose runs it from this image.
RUN mkdir /state && chown 1000:1000 /state
# The user `node`, by its number: Kubernetes can't tell from a name that it isn't root.
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/ready`).then((response) => process.exit(response.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/bundle/main.js"]
