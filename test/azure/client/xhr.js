// What the client needs of XMLHttpRequest, over Node's http.
const http = require('node:http');

module.exports = class XMLHttpRequest {
  withCredentials = false;
  readyState = 0;
  status = 0;
  statusText = '';
  responseText = '';
  #headers = {};
  #answer = {};

  open(method, url) {
    this.method = method;
    this.url = url;
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.#answer[name.toLowerCase()] ?? null;
  }

  send(body) {
    const end = () => {
      this.readyState = 4;
      this.onreadystatechange();
    };
    // Browsers encode these on the way.
    const url = this.url.replace(/[ '"<>]/g, (c) => '%' + c.charCodeAt(0).toString(16));
    const request = http.request(url, { method: this.method, headers: this.#headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => {
        this.status = answer.statusCode;
        this.statusText = answer.statusMessage;
        this.#answer = answer.headers;
        this.responseText = Buffer.concat(parts).toString();
        end();
      });
    });
    request.on('error', end);
    // Browsers drop the body of a GET.
    request.end(this.method === 'GET' ? undefined : body);
  }
};
