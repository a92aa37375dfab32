import type { IncomingMessage, ServerResponse } from 'node:http';

interface Range {
  readonly first: number;
  readonly last: number;
}

const boundary = 'sealane-ranges';

/** Answers a GET of `body` with the ranges that it asks for (RFC 9110 section 14): whole, one, several, or none. */
export function answerRange(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const wanted = request.headers.range;
  if (wanted === undefined) {
    response.writeHead(200, { 'Content-Length': body.length, 'Accept-Ranges': 'bytes' }).end(body);
    return;
  }
  const ranges = parseRanges(wanted, body.length);
  const [only] = ranges;
  if (only === undefined) {
    response.writeHead(416, { 'Content-Range': `bytes */${body.length}`, 'Content-Length': 0 }).end();
    return;
  }
  if (ranges.length === 1) {
    const part = body.subarray(only.first, only.last + 1);
    response.writeHead(206, { 'Content-Range': describe(only, body), 'Content-Length': part.length }).end(part);
    return;
  }
  const parts = ranges.flatMap((range) => [
    Buffer.from(`--${boundary}\r\nContent-Range: ${describe(range, body)}\r\n\r\n`),
    body.subarray(range.first, range.last + 1),
    Buffer.from('\r\n'),
  ]);
  const whole = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  const type = `multipart/byteranges; boundary=${boundary}`;
  response.writeHead(206, { 'Content-Type': type, 'Content-Length': whole.length }).end(whole);
}

function describe({ first, last }: Range, body: Buffer): string {
  return `bytes ${first}-${last}/${body.length}`;
}

/** Those of `bytes=A-B,-N,A-` that are within the length. */
function parseRanges(text: string, length: number): Range[] {
  return text
    .replace(/^bytes=/, '')
    .split(',')
    .flatMap((part) => {
      const [from = '', to = ''] = part.trim().split('-');
      const range =
        from === ''
          ? { first: Math.max(0, length - Number(to)), last: length - 1 }
          : { first: Number(from), last: to === '' ? length - 1 : Math.min(Number(to), length - 1) };
      return range.first < length && range.first <= range.last ? [range] : [];
    });
}
