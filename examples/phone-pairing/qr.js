import { correction, generate } from 'lean-qr';

/** Light modules around the code, which a camera needs. */
const QUIET = 2;

/** The text as a QR code of half blocks, dark on light whatever the terminal's colours. @param {string} text */
export function drawQr(text) {
  const code = generate(text, { minCorrectionLevel: correction.L });
  const end = code.size + QUIET;
  let drawing = '';
  for (let y = -QUIET; y < end; y += 2) {
    drawing += '\u001b[30;107m';
    for (let x = -QUIET; x < end; x += 1) {
      const [upper, lower] = [code.get(x, y), code.get(x, y + 1)];
      if (upper) drawing += lower ? '█' : '▀';
      else drawing += lower ? '▄' : ' ';
    }
    drawing += '\u001b[0m\n';
  }
  return drawing;
}
