'use strict';

// Files is the file system of the program, in Node's shape as wasm_exec.js expects it. It lives in memory; files of the
// module are read from the runner when they are first asked for, so that testdata is there, and are never changed on
// the disk. Only files that the configuration names as outputs get back there, at the end.
class Files {
  static constants = { O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_TRUNC: 0o1000, O_APPEND: 0o2000, O_DIRECTORY: 0o200000 };

  #nodes = new Map(); // absolute path -> file {data, size}, folder {names}, or null: known not to be there
  #open = new Map(); // descriptor -> {node, at, append}
  #next = 3;
  #inode = 1;
  #root; #cwd; #print;

  constructor({ root, cwd, outputs, print }) {
    this.#root = root;
    this.#cwd = cwd;
    this.#print = print;
    this.#nodes.set('/', this.#folder());
    for (const path of ['/tmp', cwd, ...outputs.folders, ...outputs.files.map((path) => parent(path))]) this.#ensure(path);

    const fs = { constants: Files.constants };
    for (const [name, method] of Object.entries(this.#methods())) {
      fs[name] = (...args) => this.#answer(() => method(...args), args.pop());
    }
    fs.writeSync = (fd, bytes) => this.#write(fd, bytes, null);
    this.fs = fs;
    this.path = { resolve: (...parts) => this.#resolve(parts.join('/')) };
    const no = () => { throw failure('ENOSYS', 'not in a browser'); };
    this.process = {
      // A process id below zero would make names of coverage files that Go does not find again.
      pid: 1, ppid: -1, getuid: () => -1, getgid: () => -1, geteuid: () => -1, getegid: () => -1, getgroups: no, umask: no,
      cwd: () => this.#cwd,
      chdir: (path) => { this.#cwd = this.#resolve(path); },
    };
  }

  // changed yields the outputs that the program has written, as [path, bytes].
  *changed({ files, folders }) {
    for (const [path, node] of this.#nodes) {
      if (node?.changed && (files.includes(path) || folders.some((folder) => path.startsWith(folder + '/')))) {
        yield [path, node.data.slice(0, node.size)];
      }
    }
  }

  // #answer runs an operation at once, and again after what it misses has been read from the runner. That most
  // operations end before their call returns matters: a line printed inside an IndexedDB transaction must not end it.
  #answer(operation, callback) {
    let result;
    try {
      result = operation();
    } catch (error) {
      if (error instanceof Missing) this.#load(error.path).then(() => this.#answer(operation, callback), (e) => callback(failure('EIO', String(e))));
      else callback(error.code ? error : failure('EIO', String(error)));
      return;
    }
    callback(null, result);
  }

  async #load(path) {
    const response = await fetch(`module?path=${encodeURIComponent(path)}`);
    if (response.status === 404) {
      this.#nodes.set(path, null);
    } else if (!response.ok) {
      throw new Error(`${path}: ${await response.text()}`);
    } else if (response.headers.get('Content-Type') === 'application/json') {
      const folder = this.#nodes.get(path) ?? this.#folder();
      folder.names = new Set([...folder.names, ...await response.json()]);
      folder.partial = false;
      this.#nodes.set(path, folder);
    } else {
      const data = new Uint8Array(await response.arrayBuffer());
      this.#nodes.set(path, this.#file(data));
    }
  }

  #file(data) { return { data, size: data.length, inode: this.#inode++, time: Date.now() }; }
  #folder() { return { names: new Set(), inode: this.#inode++, time: Date.now() }; }

  // #ensure makes a folder and those above it. Those of the module hold more than they know of.
  #ensure(path) {
    if (this.#nodes.get(path)) return;
    this.#ensure(parent(path));
    this.#nodes.get(parent(path)).names.add(base(path));
    this.#nodes.set(path, { ...this.#folder(), partial: this.#inModule(path) });
  }

  #inModule(path) { return this.#root !== '' && (path + '/').startsWith(this.#root + '/'); }

  #resolve(path) {
    const parts = [];
    for (const part of (path.startsWith('/') ? path : `${this.#cwd}/${path}`).split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    return '/' + parts.join('/');
  }

  // #look returns the node at a path, or null.
  #look(path) {
    const node = this.#nodes.get(path);
    if (node === undefined && this.#inModule(path)) throw new Missing(path);
    return node ?? null;
  }

  #find(path) {
    const node = this.#look(path);
    if (!node) throw failure('ENOENT', path);
    return node;
  }

  #findFolder(path) {
    const node = this.#find(path);
    if (!node.names) throw failure('ENOTDIR', path);
    if (node.partial) throw new Missing(path);
    return node;
  }

  #add(path, node) {
    this.#findFolder(parent(path)).names.add(base(path));
    this.#nodes.set(path, node);
    return node;
  }

  #remove(path) {
    this.#findFolder(parent(path)).names.delete(base(path));
    this.#nodes.set(path, null);
  }

  #descriptor(fd) {
    const open = this.#open.get(fd);
    if (!open) throw failure('EBADF', `descriptor ${fd}`);
    return open;
  }

  #resize(node, size) {
    if (size > node.data.length) {
      const data = new Uint8Array(Math.max(size, 2 * node.data.length));
      data.set(node.data.subarray(0, node.size));
      node.data = data;
    } else if (size < node.size) {
      node.data.fill(0, size, node.size);
    }
    node.size = size;
    node.time = Date.now();
    node.changed = true;
  }

  #write(fd, bytes, position) {
    if (fd === 1 || fd === 2) {
      this.#print(fd, bytes.slice()); // a copy: the program will use this memory again
      return bytes.length;
    }
    const open = this.#descriptor(fd);
    const at = position ?? (open.append ? open.node.size : open.at);
    this.#resize(open.node, Math.max(open.node.size, at + bytes.length));
    open.node.data.set(bytes, at);
    if (position === null) open.at = at + bytes.length;
    return bytes.length;
  }

  #stat(node) {
    const folder = node.names !== undefined;
    return {
      dev: 0, ino: node.inode, mode: folder ? 0o40755 : 0o100644, nlink: 1, uid: 0, gid: 0, rdev: 0, size: node.size ?? 0, blksize: 4096,
      blocks: 0, atimeMs: node.time, mtimeMs: node.time, ctimeMs: node.time, isDirectory: () => folder,
    };
  }

  // #methods are Node's, less the callback.
  #methods() {
    const at = (path) => this.#resolve(path);
    const { O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY } = Files.constants;
    const none = () => { throw failure('ENOSYS', 'not in this file system'); };
    const stat = (path) => this.#stat(this.#find(at(path)));
    return {
      open: (path, flags) => {
        path = at(path);
        let node = this.#look(path);
        if (node && (flags & O_CREAT) && (flags & O_EXCL)) throw failure('EEXIST', path);
        if (!node && !(flags & O_CREAT)) throw failure('ENOENT', path);
        if (node && !node.names && (flags & O_DIRECTORY)) throw failure('ENOTDIR', path);
        if (node?.names && (flags & 3)) throw failure('EISDIR', path);
        if (!node) {
          node = this.#add(path, this.#file(new Uint8Array(0)));
          node.changed = true;
        }
        if (flags & O_TRUNC) this.#resize(node, 0);
        this.#open.set(this.#next, { node, at: 0, append: Boolean(flags & O_APPEND) });
        return this.#next++;
      },
      close: (fd) => { this.#descriptor(fd); this.#open.delete(fd); },
      read: (fd, buffer, offset, length, position) => {
        if (fd === 0) return 0;
        const open = this.#descriptor(fd);
        if (open.node.names) throw failure('EISDIR', `descriptor ${fd}`);
        const from = position ?? open.at;
        const bytes = open.node.data.subarray(from, Math.max(from, Math.min(open.node.size, from + length)));
        buffer.set(bytes, offset);
        if (position === null) open.at = from + bytes.length;
        return bytes.length;
      },
      write: (fd, buffer, offset, length, position) => this.#write(fd, buffer.subarray(offset, offset + length), position),
      stat, lstat: stat,
      fstat: (fd) => this.#stat(fd < 3 ? { inode: 0, size: 0, time: 0 } : this.#descriptor(fd).node),
      fsync: () => {}, chmod: () => {}, fchmod: () => {}, utimes: () => {},
      truncate: (path, size) => this.#resize(this.#find(at(path)), size),
      ftruncate: (fd, size) => this.#resize(this.#descriptor(fd).node, size),
      readdir: (path) => [...this.#findFolder(at(path)).names].sort(),
      mkdir: (path) => {
        path = at(path);
        if (this.#look(path)) throw failure('EEXIST', path);
        this.#add(path, this.#folder());
      },
      rmdir: (path) => {
        path = at(path);
        if (this.#findFolder(path).names.size > 0) throw failure('ENOTEMPTY', path);
        this.#remove(path);
      },
      unlink: (path) => {
        path = at(path);
        if (this.#find(path).names) throw failure('EISDIR', path);
        this.#remove(path);
      },
      rename: (from, to) => {
        [from, to] = [at(from), at(to)];
        const node = this.#find(from);
        if (node.names) throw failure('ENOSYS', 'a folder cannot be renamed here');
        if (this.#look(to)?.names) throw failure('EISDIR', to);
        this.#add(to, node).changed = true;
        this.#remove(from);
      },
      chown: none, fchown: none, lchown: none, link: none, symlink: none, readlink: (path) => { this.#find(at(path)); throw failure('EINVAL', path); },
    };
  }
}

// Missing says that a path of the module must be read before the operation can go on.
class Missing extends Error {
  constructor(path) {
    super(path);
    this.path = path;
  }
}

function failure(code, text) { return Object.assign(new Error(`${code}: ${text}`), { code }); }
function parent(path) { return path.slice(0, path.lastIndexOf('/')) || '/'; }
function base(path) { return path.slice(path.lastIndexOf('/') + 1); }
