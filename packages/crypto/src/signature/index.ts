export { SignatureLabel } from './labels.js';
export { assertSignature, verify } from './signature.js';
