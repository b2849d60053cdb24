// Hands the token to the page that opened this window: one of our own origin, or one that the server has allowed.
const token = /[#&]token=([^&]*)/.exec(location.hash);
if (token && window.opener) {
  const origin = new URLSearchParams(location.search).get('origin') || location.origin;
  const oauth = JSON.parse(decodeURIComponent(token[1]));
  window.opener.postMessage(JSON.stringify({ type: 'LoginCompleted', oauth }), origin);
  window.close();
}
