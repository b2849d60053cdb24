'use strict';

// Runs the Go program in a dedicated worker.
importScripts('files.js', 'program.js');
onmessage = (event) => {
  onmessage = null;
  importScripts(...event.data.scripts);
  runProgram(event.data, event.ports[0]).catch((error) => setTimeout(() => { throw error })); // to the page's onerror
};
