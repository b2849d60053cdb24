'use strict';

// Sends what the program prints, the files it leaves and its exit code to the runner: in order, one request at a time,
// what has gathered meanwhile in the next.
const queue = [];
let sending = false;

async function send() {
  if (sending) return;
  sending = true;
  while (queue.length > 0) {
    const { url, parts } = queue.shift();
    await fetch(url, { method: 'POST', body: new Blob(parts) });
  }
  sending = false;
}

onmessage = (event) => {
  event.ports[0].onmessage = ({ data: { url, bytes } }) => {
    const last = queue.at(-1);
    if (last?.url === url && url.startsWith('print')) last.parts.push(bytes);
    else queue.push({ url, parts: bytes ? [bytes] : [] });
    send();
  };
};
postMessage('ready');
