'use strict';

// Runs the Go program in this page, or, if the configuration says so, in a dedicated worker. What the program prints
// goes through a worker of its own, which sends it on even while the program keeps this thread busy.
(async () => {
  const config = await (await fetch('config.json')).json();
  const pipe = new Worker('pipe.js');
  await new Promise((resolve, reject) => {
    pipe.onmessage = resolve; // it has started: from here on it does not need this thread any more
    pipe.onerror = (event) => reject(new Error(event.message));
  });
  const { port1, port2 } = new MessageChannel();
  pipe.postMessage(null, [port2]);
  if (config.worker) {
    const worker = new Worker('worker.js');
    worker.onerror = (event) => fail(`${event.filename}:${event.lineno}: ${event.message}`);
    worker.postMessage(config, [port1]);
    return;
  }
  for (const src of config.scripts) {
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement('script'), { src, onload: resolve });
      script.onerror = () => reject(new Error(`${src} cannot be loaded`));
      document.head.append(script);
    });
  }
  await runProgram(config, port1);
})().catch((error) => fail(error.stack));

// fail ends the run when the program could not even be started.
async function fail(text) {
  await fetch('print?fd=2', { method: 'POST', body: `wasmrun: ${text}\n` });
  await fetch('exit?code=2', { method: 'POST' });
}
