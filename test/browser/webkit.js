// A browser as bare as can be around WebKitGTK, for the driver in webkit.go, which starts it with a folder for what
// pages store and a socket to be driven by. Messages are JSON, one per line, in the shape of the DevTools protocol: calls
// with an id, and a sessionId for those that are to one view; their answers; events in between.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Gtk from 'gi://Gtk?version=3.0';
import WebKit from 'gi://WebKit2?version=4.1';

const [profile, socket] = ARGV;
const { LoadEvent, NetworkProxyMode, UserContentInjectedFrames, UserScriptInjectionTime } = WebKit;

Gtk.init(null);
Gtk.Settings.get_default().gtk_xft_dpi = 96 * 1024; // a display that nobody looks at has none, and pages get sizes below zero

const loop = new GLib.MainLoop(null, false);
const data = new WebKit.WebsiteDataManager({ base_data_directory: `${profile}/data`, base_cache_directory: `${profile}/cache` });
const context = new WebKit.WebContext({ website_data_manager: data });
context.set_automation_allowed(true); // for the mouse and the keyboard, which only WebKitWebDriver can move
context.connect('automation-started', (_, session) => {
  const info = new WebKit.ApplicationInfo();
  info.set_name('larder');
  session.set_application_info(info);
  session.connect('create-web-view', () => views.values().next().value.view); // it wants one to begin with
});
const scripts = new WebKit.UserContentManager();
const settings = new WebKit.Settings({ enable_write_console_messages_to_stdout: true, javascript_can_open_windows_automatically: true });
const views = new Map(); // by session: {view, window}
let opened = 0;

const connection = new Gio.SocketClient().connect(Gio.UnixSocketAddress.new(socket), null);
const output = connection.get_output_stream();
const input = new Gio.DataInputStream({ base_stream: connection.get_input_stream() });

function send(message) { output.write_all(new TextEncoder().encode(`${JSON.stringify(message)}\n`), null); }

// open makes a view in a window of its own, and tells what becomes of it.
function open(related) {
  const session = String(++opened);
  const tell = (method, params = {}) => send({ sessionId: session, method, params });
  const view = new WebKit.WebView({
    ...related ? { related_view: related } : { web_context: context, is_controlled_by_automation: true },
    settings, user_content_manager: scripts,
  });
  const window = new Gtk.Window();
  window.set_default_size(1280, 800);
  window.add(view);
  let load = 0, committed, failure;
  view.connect('load-changed', (_, event) => {
    switch (event) {
      case LoadEvent.STARTED:
        [committed, failure] = [false, null];
        tell('load.begun', { load: ++load });
        break;
      case LoadEvent.COMMITTED:
        committed = true;
        break;
      case LoadEvent.FINISHED: // also after a failure, and after what was refused without one
        if (failure?.cancelled) break; // for another one
        if (committed && !failure) tell('load.complete', { load });
        else tell('load.failed', { load, text: `${failure?.uri ?? view.uri}: ${failure?.text ?? 'refused'}` });
    }
  });
  view.connect('load-failed', (_, _event, uri, error) => {
    failure = { uri, text: error.message, cancelled: error.matches(WebKit.NetworkError, WebKit.NetworkError.CANCELLED) };
    return true; // no page about it
  });
  view.connect('web-process-terminated', () => tell('crashed'));
  view.connect('create', () => open(view).view);
  view.connect('close', () => window.destroy());
  window.connect('destroy', () => { views.delete(session); tell('gone'); });
  views.set(session, { view, window });
  window.show_all();
  window.present();
  return { session, view };
}

// dialogs answers them in the page: a real one would stop it, and no API of the view can say yes in time.
const dialogs = `{
  const say = (type, message) => console.info(type + ' dialog accepted: ' + message);
  Object.assign(globalThis, {
    alert: (message = '') => say('alert', message),
    confirm: (message = '') => { say('confirm', message); return true; },
    prompt: (message = '', value = '') => { say('prompt', message); return String(value); },
  });
}`;

// onLine has pages believe that they are offline, or not, since WebKit asks the machine and nobody else.
const onLine = (value) =>
  `Object.defineProperty(Navigator.prototype, 'onLine', { configurable: true, enumerable: true, get: () => ${value} });`;

// inject gives scripts to all pages that are loaded from now on.
function inject(...sources) {
  scripts.remove_all_scripts();
  for (const source of sources) {
    scripts.add_script(WebKit.UserScript.new(source, UserContentInjectedFrames.ALL_FRAMES, UserScriptInjectionTime.START, null, null));
  }
}
inject(dialogs);

const withoutFragment = (url) => url?.split('#')[0];

// The calls to the browser, and to a view. What returns a promise is answered when that is settled.
const calls = {
  open: () => ({ session: open().session }),
  offline: async ({ off }) => {
    // A proxy that is not there takes all of the network away, this machine included, from pages and workers alike. Each
    // change also closes all connections but those that are just being finished with: hence the second time.
    for (let i = 0; i < 2; i++) {
      if (off) data.set_network_proxy_settings(NetworkProxyMode.CUSTOM, WebKit.NetworkProxySettings.new('http://127.0.0.1:9', null));
      else data.set_network_proxy_settings(NetworkProxyMode.DEFAULT, null);
      await networkHeard();
    }
    inject(dialogs, ...off ? [onLine(false)] : []);
    const tell = `${onLine(!off)} dispatchEvent(new Event('${off ? 'offline' : 'online'}'))`;
    await Promise.all([...views.values()].map(({ view }) => evaluate(view, tell)));
    return {};
  },
  close: () => {
    GLib.idle_add(GLib.PRIORITY_DEFAULT, () => { loop.quit(); return false; });
    return {};
  },
};
const viewCalls = {
  load: ({ view }, { url }) => {
    const within = url.includes('#') && url !== view.uri && withoutFragment(url) === withoutFragment(view.uri);
    view.load_uri(url);
    return { within };
  },
  reload: ({ view }) => { view.reload(); return {}; },
  evaluate: ({ view }, { body }) => evaluate(view, body).then((value) => ({ value })),
  present: ({ view, window }) => { window.present(); view.grab_focus(); return {}; },
  resize: ({ window }, { width, height }) => { window.resize(width, height); return {}; },
  dark: (_, { dark }) => { Gtk.Settings.get_default().gtk_application_prefer_dark_theme = dark; return {}; },
  snapshot: ({ view }, { file }) => new Promise((resolve, reject) => {
    view.get_snapshot(WebKit.SnapshotRegion.VISIBLE, WebKit.SnapshotOptions.NONE, null, (_, result) => {
      try {
        view.get_snapshot_finish(result).writeToPNG(file);
        resolve({});
      } catch (error) { reject(error); }
    });
  }),
  close: ({ window }) => { window.destroy(); return {}; },
};

// networkHeard waits until the process that does the networking has heard what it was told, by asking it for something.
function networkHeard() {
  return new Promise((resolve, reject) => {
    data.fetch(WebKit.WebsiteDataTypes.COOKIES, null, (_, result) => {
      try { resolve(data.fetch_finish(result)); } catch (error) { reject(error); }
    });
  });
}

// evaluate runs the body of an async function in a view, and gives the text that it returns.
function evaluate(view, body) {
  return new Promise((resolve, reject) => {
    view.call_async_javascript_function(body, -1, null, null, null, null, (_, result) => {
      try { resolve(view.call_async_javascript_function_finish(result).to_string()); } catch (error) { reject(error); }
    });
  });
}

async function answer({ id, sessionId, method, params }) {
  try {
    const to = views.get(sessionId);
    if (sessionId && !to) throw new Error('no such view');
    const result = await (sessionId ? viewCalls[method](to, params) : calls[method](params));
    send({ id, result });
  } catch (error) {
    send({ id, error: { message: error.message } });
  }
}

function receive() {
  input.read_line_async(GLib.PRIORITY_DEFAULT, null, (_, result) => {
    const [line] = input.read_line_finish_utf8(result);
    if (line === null) { // the driver has ended
      loop.quit();
      return;
    }
    answer(JSON.parse(line));
    receive();
  });
}

receive();
loop.run();
