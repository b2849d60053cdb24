// What an app does with Microsoft's client: reads and writes, conflicts, and its offline tables. The same story is played in Node
// and in a page. Each step's name is collected; the first thing that is not as it should be is thrown.
const open = require('./plugin');

exports.play = async (WindowsAzure, initSqlJs, url, token) => {
  window.sqlitePlugin = open(await initSqlJs());
  const app = { WindowsAzure, url, token, client: new WindowsAzure.MobileServiceClient(url), id: (name) => name + '-' + Math.random().toString(36).slice(2) };
  const steps = [];
  for (const chapter of [require('./online'), require('./offline')]) {
    for (const [name, step] of Object.entries(chapter)) {
      try {
        await step(app);
      } catch (e) {
        throw new Error(name + ': ' + ((e && e.stack) || e) + (e && e.request ? ' ' + e.request.status + ' ' + e.request.responseText : ''));
      }
      steps.push(name);
    }
  }
  return steps;
};

// The client's promises know then() alone.
exports.done = (promise) => new Promise((resolve, reject) => promise.then(resolve, reject));

exports.failure = async (promise) => {
  let value;
  try {
    value = await exports.done(promise);
  } catch (e) {
    return e;
  }
  throw new Error('no error, but ' + JSON.stringify(value));
};

exports.equal = (got, want, what) => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
};
