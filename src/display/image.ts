/** Which kind of image some bytes hold, by the marks that their formats begin with. */

const signatures: readonly { mime: string; starts: readonly number[]; at8?: string }[] = [
  { mime: 'image/png', starts: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { mime: 'image/jpeg', starts: [0xff, 0xd8, 0xff] },
  { mime: 'image/gif', starts: [0x47, 0x49, 0x46, 0x38] },
  { mime: 'image/webp', starts: [0x52, 0x49, 0x46, 0x46], at8: 'WEBP' },
];

/** The mime type of a PNG, JPEG, GIF or WebP image; undefined for anything else. */
export function sniffImage(bytes: Uint8Array): string | undefined {
  return signatures.find(
    ({ starts, at8 }) =>
      starts.every((byte, index) => bytes[index] === byte) &&
      (at8 === undefined || String.fromCharCode(...bytes.subarray(8, 12)) === at8),
  )?.mime;
}
