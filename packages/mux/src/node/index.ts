export { spaceOutCollections } from './space-out-collections.js';
