import { createServer } from 'node:net';

// Holds a lock as another process would, until it is killed.
createServer().listen(process.argv[2], () => process.send?.('held'));
