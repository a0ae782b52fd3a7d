// Starts Scalar on the node's own OpenAPI document. Everything that would load from elsewhere is
// turned off; the page's policy forbids it as well.
// What few programs call stands behind what most do.
const late = ['companies and members', 'operation', 'proofs', 'public', 'rails', 'peers'];
const place = document.getElementById('explorer');
const { document: url, key, icon } = place.dataset;

globalThis.Scalar.createApiReference('#explorer', {
  url,
  slug: 'node',
  favicon: icon,
  servers: [{ url: location.origin }],
  authentication: key
    ? { preferredSecurityScheme: 'bearer', securitySchemes: { bearer: { token: key } } }
    : { preferredSecurityScheme: 'bearer' },
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  persistAuth: false,
  operationTitleSource: 'summary',
  tagsSorter: (a, b) => late.indexOf(a.name) - late.indexOf(b.name),
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
});
