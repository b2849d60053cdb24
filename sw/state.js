// The page about what is stored, for whoever wonders why an app is as old as it is.
'use strict';

// statePage shows the worker's memory: a line for each version, and all of it below.
function statePage(state) {
  const escape = (value) => String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const pages = ({ name }) => Object.values(state.hosts).filter(({ version }) => version === name).length;
  const rows = state.versions.map((version) => [
    version.serial, version.manifest, version.digest.slice(7, 15), Object.keys(version.files).length, pages(version),
  ]);
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>What is kept offline</title>
<h1>What is kept offline for ${escape(state.scope)}</h1>
<table>
<tr><th>Version<th>Manifest<th>Hash<th>Files<th>Open pages
${rows.map((row) => `<tr><td>${row.map(escape).join('<td>')}`).join('\n')}
</table>
<h2>All of it</h2>
<pre>${escape(JSON.stringify(state, null, 1))}</pre>`;
  return new Response(html, { headers: { 'content-type': 'text/html', 'content-security-policy': "default-src 'none'" } });
}
