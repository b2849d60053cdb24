'use strict';

// runProgram runs the Go program that the runner serves, with its arguments, environment and files, and reports through
// port what it prints and how it ends.
async function runProgram(config, port) {
  const encoder = new TextEncoder();
  let over = false;
  const end = (code) => {
    if (over) return;
    over = true;
    for (const [path, bytes] of files.changed(config.outputs)) {
      port.postMessage({ url: `file?path=${encodeURIComponent(path)}`, bytes });
    }
    port.postMessage({ url: `exit?code=${code}` });
  };
  const print = (fd, bytes) => port.postMessage({ url: `print?fd=${fd}`, bytes });
  const complain = (what, error) => print(2, encoder.encode(`wasmrun: ${what}: ${account(error)}\n`));
  const files = new Files({ root: config.root, cwd: config.cwd, outputs: config.outputs, print });
  globalThis.fs = files.fs;
  globalThis.path = files.path;
  globalThis.process = files.process;

  // A trap inside a callback surfaces here and nowhere else, and the program never gets to its end. Other exceptions
  // are the page's: they are shown, and it is for the test to say what they mean.
  const uncaught = (event, error) => {
    event.preventDefault(); // from a worker it would go on to the page, which would end the run
    if (over) return;
    const fatal = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
    complain(fatal ? 'the program crashed' : 'uncaught in the browser', error);
    if (fatal) end(2);
  };
  addEventListener('error', (event) => uncaught(event, event.error ?? event.message));
  addEventListener('unhandledrejection', (event) => uncaught(event, event.reason));

  try {
    const go = new Go();
    go.argv = config.args;
    go.env = config.env;
    go.exit = end;
    const { instance } = await WebAssembly.instantiateStreaming(fetch('program.wasm'), go.importObject);
    await go.run(instance);
  } catch (error) {
    complain('the program crashed', error);
    end(2);
  }
}

// account tells an exception with its stack, in which some engines repeat what it says and others do not.
function account(error) {
  const [said, stack] = [String(error), error?.stack ?? ''];
  return stack.startsWith(said) ? stack : `${said}\n${stack}`.trim();
}
