import { isName, isService, MuxLimit, ProtocolSize } from '@sealane/types';
import { boundedBytes, bytes, type Field, text, uint } from '../msgpack/field.js';

/** Fields that several messages share, each with the one rule that it has everywhere. */
export const publicKey: Field<Uint8Array> = bytes(ProtocolSize.PUBLIC_KEY);
export const signature: Field<Uint8Array> = bytes(ProtocolSize.SIGNATURE);
export const keycert: Field<Uint8Array> = bytes(ProtocolSize.KEYCERT);
export const instance: Field<Uint8Array> = bytes(ProtocolSize.INSTANCE);
export const connectionId: Field<Uint8Array> = bytes(ProtocolSize.CONNECTION_ID);
export const resumeId: Field<Uint8Array> = bytes(ProtocolSize.RESUME_ID);
export const handshakeMessage: Field<Uint8Array> = boundedBytes(ProtocolSize.HANDSHAKE, 1);
export const service: Field<string> = text(ProtocolSize.SERVICE, isService);
export const name: Field<string> = text(ProtocolSize.NAME, isName, 1);
export const alpn: Field<string> = text(ProtocolSize.ALPN, undefined, 1);
export const uint16: Field<number> = uint(0xffff);
export const uint32: Field<number> = uint(0xffff_ffff);
/** Of a request; 0 stands for the link and is no request. */
export const request: Field<number> = uint(0xffff_ffff, 1);
/** Above 2^53-1 nothing is exact in every language. */
export const sequence: Field<number> = uint(Number.MAX_SAFE_INTEGER);
export const window: Field<number> = uint(MuxLimit.maxCredit, 1);
export const streamCount: Field<number> = uint(0xffff_ffff, 1);
export const ttlMs: Field<number> = uint(0xffff_ffff, 1);
