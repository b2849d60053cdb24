const script = (src) => new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: reject }));
});

globalThis.cordova = { version: '12.0.0' };
await script('sql-wasm.js');
await script('azure.bundle.js');

export const { queue } = globalThis.azure;
