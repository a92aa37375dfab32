export { createKeyFile, loadKeyFile, loadOrCreateKeyFile, rotateKeyFile } from './key-file.js';
export { KeyFileWatcher, type KeyFileWatcherOptions } from './key-file-watcher.js';
export { makeDirectories } from './make-directories.js';
export { readSecretFile, type WriteSecretFileOptions, writeSecretFile } from './secret-file.js';
export { readTextFile, type TextFileWatcher, watchTextFile } from './text-file.js';
