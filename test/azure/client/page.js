// Plays the story in a page of another origin than the server's: window.play(url, token).
globalThis.cordova = { version: '12.0.0' };
const { play } = require('./story');
const client = require('azure-mobile-apps-client');

window.play = (url, token) =>
  play(client, () => window.initSqlJs({ locateFile: (name) => '/' + name }), url, token).then(
    (steps) => ({ steps }),
    (e) => ({ error: String((e && e.stack) || e) }),
  );
