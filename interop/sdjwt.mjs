// Does one thing with SD-JWTs, by the modules @sd-jwt/core and jose: reads a request in JSON from
// standard input, writes the answer in JSON. The first argument is the folder with the modules.
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';

const require = createRequire(pathToFileURL(process.argv[2] + '/package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { SDJwtInstance } = await load('@sd-jwt/core');
const jose = await load('jose');

const base = {
  hasher: (data) => new Uint8Array(createHash('sha256').update(
    typeof data === 'string' ? data : Buffer.from(data)).digest()),
  hashAlg: 'sha-256',
  saltGenerator: (length) => randomBytes(length).toString('base64url'),
};

// verifierOf checks the signature of "header.payload" with jose.
function verifierOf(key) {
  return async (input, signature) => {
    const [header, payload] = input.split('.');
    await jose.flattenedVerify({ protected: header, payload, signature }, key);
    return true;
  };
}

// signerOf signs "header.payload", whose header says how, with jose.
function signerOf(key) {
  return async (input) => {
    const [header, payload] = input.split('.');
    const plain = Buffer.from(payload, 'base64url');
    const jws = await new jose.FlattenedSign(plain)
      .setProtectedHeader(JSON.parse(Buffer.from(header, 'base64url').toString()))
      .sign(key);
    if (jws.protected !== header || jws.payload !== payload) {
      throw new Error('jose writes the header or the payload in another way');
    }
    return jws.signature;
  };
}

const holderVerifier = async (input, signature, payload) =>
  verifierOf(await jose.importJWK(payload.cnf.jwk, algorithmOf(payload.cnf.jwk)))(input, signature);

const algorithmOf = (jwk) => (jwk.kty === 'OKP' ? 'EdDSA' : 'ES256');

const doings = {
  // Verifies a presentation of ours.
  async verify({ credential, issuer, nonce, now }) {
    const key = await jose.importJWK(issuer, algorithmOf(issuer));
    const instance = new SDJwtInstance({
      ...base, verifier: verifierOf(key), kbVerifier: holderVerifier,
    });
    const { payload, header, kb } = await instance.verify(credential, {
      currentDate: now, keyBindingNonce: nonce, disableStatusVerification: true,
    });
    return { payload, header, kb, thumbprint: await jose.calculateJwkThumbprint(issuer) };
  },

  // Shows a part of a credential of ours, bound with a key that Go hands in.
  async present({ credential, frame, holder, audience, nonce, now }) {
    const instance = new SDJwtInstance({
      ...base, kbSigner: signerOf(await jose.importJWK(holder, 'EdDSA')), kbSignAlg: 'EdDSA',
    });
    return {
      credential: await instance.present(credential, frame, {
        kb: { payload: { iat: now, aud: audience, nonce } },
      }),
    };
  },

  // Issues and shows a credential of theirs.
  async issue({ algorithm, typ, claims, hide, frame, audience, nonce, now }) {
    const options = { extractable: true };
    const issuer = await jose.generateKeyPair(algorithm, options);
    const holder = await jose.generateKeyPair(algorithm, options);
    const instance = new SDJwtInstance({
      ...base,
      signer: signerOf(issuer.privateKey), signAlg: algorithm,
      kbSigner: signerOf(holder.privateKey), kbSignAlg: algorithm,
    });
    const cnf = { jwk: await jose.exportJWK(holder.publicKey) };
    const credential = await instance.issue({ ...claims, cnf }, hide, { header: { typ } });
    return {
      whole: credential,
      credential: await instance.present(credential, frame, {
        kb: { payload: { iat: now, aud: audience, nonce } },
      }),
      issuer: await jose.exportJWK(issuer.publicKey),
    };
  },

  // Opens a list of statuses of ours and reads some of its entries.
  async status({ list, issuer, uri, entries, now }) {
    const key = await jose.importJWK(issuer, 'EdDSA');
    const { payload } = await jose.jwtVerify(list, key, {
      typ: 'statuslist+jwt', subject: uri, currentDate: new Date(now * 1000),
    });
    const { bits, lst } = payload.status_list;
    const data = inflateSync(Buffer.from(lst, 'base64url'));
    return {
      statuses: entries.map((at) =>
        (data[Math.floor((at * bits) / 8)] >> ((at * bits) % 8)) & ((1 << bits) - 1)),
    };
  },
};

const request = JSON.parse(await text(process.stdin));
let answer;
try {
  answer = await doings[request.do](request);
} catch (error) {
  answer = { refused: String(error.message) };
}
process.stdout.write(JSON.stringify(answer));
