import { createPublicKey, verify } from 'node:crypto';
import { Refused, UserError } from '../errors.ts';

/**
 * Signatures in the format of minisign (https://jedisct1.github.io/minisign/): Ed25519 over the BLAKE2b-512 hash of a
 * file, and a second one over the first and the trusted comment.
 */
export interface Signature {
  keyId: string;
  /** The second signature covers the first one and this text. Believe it only after {@link signedComment} said yes. */
  comment: string;
  /** 64 bytes, over the hash of the file. */
  ofHash: Buffer;
  /** 64 bytes, over `ofHash` and the comment. */
  ofComment: Buffer;
}

export interface PublicKey {
  /** The 8 bytes by which a signature names its key, as minisign prints them: hexadecimal, last byte first. */
  id: string;
  /** 32 bytes. */
  bytes: Buffer;
}

/** Reads a public key: the base64 line of a `.pub` file, or the whole file. Anything else is a UserError. */
export function parseKey(text: string): PublicKey {
  const line = text.trim().split(/\s*\n/).at(-1)!.trim();
  const bytes = Buffer.from(line, 'base64');
  if (bytes.length !== 42 || bytes.toString('latin1', 0, 2) !== 'Ed')
    throw new UserError(`${JSON.stringify(line.slice(0, 60))} is no public key of minisign: give its base64 line`);
  return { id: keyId(bytes.subarray(2, 10)), bytes: bytes.subarray(10) };
}

/** Reads the four lines of a `.minisig` file. Anything else, and a signature over the whole file (`-l`), is refused. */
export function parseSignature(text: string): Signature {
  const [, first = '', comment = '', second = ''] = text.split('\n').map(line => line.replace(/\r$/, ''));
  const bytes = Buffer.from(first, 'base64');
  const ofComment = Buffer.from(second, 'base64');
  const prefix = 'trusted comment: ';
  if (bytes.length !== 74 || ofComment.length !== 64 || !comment.startsWith(prefix))
    throw new Refused('a signature of the release host is no minisign signature');
  if (bytes.toString('latin1', 0, 2) !== 'ED')
    throw new Refused('a signature of the release host is not over a hash: it was made with minisign -l');
  return {
    keyId: keyId(bytes.subarray(2, 10)),
    comment: comment.slice(prefix.length),
    ofHash: bytes.subarray(10),
    ofComment,
  };
}

/** Whether the key made the trusted comment of this signature. */
export function signedComment(signature: Signature, key: PublicKey): boolean {
  return valid(Buffer.concat([signature.ofHash, Buffer.from(signature.comment)]), key, signature.ofComment);
}

/** Whether the key signed a file with this BLAKE2b-512 hash. */
export function signedHash(signature: Signature, key: PublicKey, blake2b512: Buffer): boolean {
  return valid(blake2b512, key, signature.ofHash);
}

function valid(data: Buffer, key: PublicKey, signature: Buffer): boolean {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.bytes.toString('base64url') };
  return verify(null, data, createPublicKey({ key: jwk, format: 'jwk' }), signature);
}

function keyId(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}
