'use strict';

// Runs the Go program in this page, or, if the configuration says so, in a dedicated worker. What the program prints
// goes through a worker of its own, which sends it on even while the program keeps this thread busy.
(async () => {
  const config = await (await fetch('config.json')).json();
  const port = !config.worker && navigator.vendor.startsWith('Apple') ? direct : await pipe();
  if (config.worker) {
    const worker = new Worker('worker.js');
    worker.onerror = (event) => fail(`${event.filename}:${event.lineno}: ${event.message}`);
    worker.postMessage(config, [port]);
    return;
  }
  for (const src of config.scripts) {
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement('script'), { src, onload: resolve });
      script.onerror = () => reject(new Error(`${src} cannot be loaded`));
      document.head.append(script);
    });
  }
  await runProgram(config, port);
})().catch((error) => fail(account(error)));

async function pipe() {
  const worker = new Worker('pipe.js');
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve; // it has started: from here on it does not need this thread any more
    worker.onerror = (event) => reject(new Error(event.message));
  });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(null, [port2]);
  return port1;
}

// direct is for WebKit, whose workers need this thread for every request: it sends before it returns.
const direct = {
  postMessage({ url, bytes = null }) {
    const request = new XMLHttpRequest();
    request.open('POST', url, false);
    request.send(bytes);
  },
};

// fail ends the run when the program could not even be started.
async function fail(text) {
  await fetch('print?fd=2', { method: 'POST', body: `wasmrun: ${text}\n` });
  await fetch('exit?code=2', { method: 'POST' });
}
