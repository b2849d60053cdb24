// Cordova adds scripts of its own to the app: cordova.js, and those of the plugins. The manifest lists them too, or the app
// would come up without them when its server is away. Only the browser platform has such a server, and a worker.
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { join, relative, sep } = require('node:path');

const section = /\n# By Cordova\n[^]*?\n\n/;

module.exports = ({ opts }) => {
  const root = join(opts.projectRoot, 'platforms', 'browser', 'www'), manifest = join(root, 'cache.manifest');
  if (!existsSync(manifest)) return;
  const added = readdirSync(root, { recursive: true }).filter((name) => /^(cordova|plugins\b).*\.js$/.test(name)).sort();
  const lines = added.map((name) => {
    const file = join(root, name);
    return `${relative(root, file).split(sep).join('/')} sha256-${createHash('sha256').update(readFileSync(file)).digest('base64')}`;
  });
  const text = readFileSync(manifest, 'utf8').replace(section, '\n');
  writeFileSync(manifest, text.replace('\nNETWORK:', `\n# By Cordova\n${lines.join('\n')}\n\nNETWORK:`));
};
