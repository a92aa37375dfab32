import frames from '../../protocol/vectors/frames.json' with { type: 'json' };
import messages from '../../protocol/vectors/messages.json' with { type: 'json' };
import openRequests from '../../protocol/vectors/open-requests.json' with { type: 'json' };
import refusals from '../../protocol/vectors/refusals.json' with { type: 'json' };

interface Vector {
  readonly codec: string;
  readonly hex: string;
}

const all: readonly Vector[] = [frames, messages, openRequests, refusals].flatMap(
  ({ vectors }: { readonly vectors: readonly Vector[] }) => vectors,
);

/** The valid and the refused inputs that the protocol's vector files hold for these codecs. */
export function protocolVectors(...codecs: readonly string[]): Uint8Array[] {
  return all.filter(({ codec }) => codecs.includes(codec)).map(({ hex }) => fromHex(hex));
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function fromText(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
