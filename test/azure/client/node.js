// Plays the story in Node: node client/node.js URL TOKEN
globalThis.window = globalThis;
globalThis.cordova = { version: '12.0.0' };
globalThis.XMLHttpRequest = require('./xhr');

const { play } = require('./story');
const [url, token] = process.argv.slice(2);
play(require('azure-mobile-apps-client'), require('sql.js'), url, token).then(
  (steps) => console.log(steps.join('\n')),
  (e) => {
    console.error(e);
    process.exitCode = 1;
  },
);
