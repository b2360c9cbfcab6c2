/**
 * UEFI variables in OVMF's store (edk2 MdeModulePkg/Include/Guid/VariableFormat.h): enough to enrol
 * a certificate, as an administrator does once at each computer's firmware or at shim's
 * MokManager.
 */

const FIRMWARE_VOLUME_SIGNATURE = '_FVH';
const STORE_HEADER = 28;
const VARIABLE_HEADER = 60;
const ADDED = 0x3f;
const NON_VOLATILE_BOOT = 0x3;
const AUTHENTICATED = 0x27;

const IMAGE_SECURITY_DATABASE = guid('d719b2cb-3d3a-4596-a3bc-dad00e67656f');
const SHIM = guid('605dab50-e046-4300-abb6-3dd810dd8b23');
const CERT_X509 = guid('a5c059a1-94e4-4aa7-87b5-ab155c2bf072');
/** Who owns the signature: us. */
const OWNER = guid('6b0cf2a4-5f0a-4c43-9a0e-4a1d6f8e7a15');

interface Variable {
  readonly name: string;
  readonly vendor: Buffer;
  readonly attributes: number;
  readonly time: Buffer;
  readonly data: Buffer;
}

/** Lets the firmware itself start what the certificate signed, beside what it believed before. */
export function enrolInDb(store: Buffer, certificate: Buffer): Buffer {
  return changed(store, (variables) => {
    const old = variables.find(
      (one) => one.name === 'db' && one.vendor.equals(IMAGE_SECURITY_DATABASE),
    );
    if (old === undefined)
      throw new Error('the store has no "db": Secure Boot is not set up in it');
    const data = Buffer.concat([old.data, signatureList(certificate)]);
    return variables.map((one) => (one === old ? { ...old, data } : one));
  });
}

/** Lets shim start what the certificate signed: a machine owner key (MOK). */
export function enrolInShim(store: Buffer, certificate: Buffer): Buffer {
  return changed(store, (variables) => [
    ...variables,
    {
      name: 'MokList',
      vendor: SHIM,
      attributes: NON_VOLATILE_BOOT,
      time: Buffer.alloc(16),
      data: signatureList(certificate),
    },
  ]);
}

/** EFI_SIGNATURE_LIST with one X.509 certificate (UEFI specification, 32.4.1). */
function signatureList(certificate: Buffer): Buffer {
  const head = Buffer.alloc(28);
  CERT_X509.copy(head);
  head.writeUInt32LE(28 + 16 + certificate.length, 16);
  head.writeUInt32LE(0, 20);
  head.writeUInt32LE(16 + certificate.length, 24);
  return Buffer.concat([head, OWNER, certificate]);
}

function changed(store: Buffer, change: (variables: Variable[]) => Variable[]): Buffer {
  if (store.toString('latin1', 40, 44) !== FIRMWARE_VOLUME_SIGNATURE)
    throw new Error('this is no firmware volume');
  const start = store.readUInt16LE(48);
  const end = start + store.readUInt32LE(start + 16);
  const variables = change(read(store, start + STORE_HEADER, end));
  const result = Buffer.from(store);
  let at = start + STORE_HEADER;
  result.fill(0xff, at, end);
  for (const variable of variables) {
    const bytes = written(variable);
    if (at + bytes.length > end) throw new Error('the variable store is full');
    bytes.copy(result, at);
    at = aligned(at + bytes.length);
  }
  return result;
}

function read(store: Buffer, from: number, end: number): Variable[] {
  const variables: Variable[] = [];
  let at = from;
  while (at + VARIABLE_HEADER < end && store.readUInt16LE(at) === 0x55aa) {
    const nameSize = store.readUInt32LE(at + 36);
    const dataSize = store.readUInt32LE(at + 40);
    const name = at + VARIABLE_HEADER;
    const data = name + nameSize;
    if (store[at + 2] === ADDED)
      variables.push({
        name: store.toString('utf16le', name, data - 2),
        vendor: store.subarray(at + 44, at + 60),
        attributes: store.readUInt32LE(at + 4),
        time: store.subarray(at + 16, at + 32),
        data: store.subarray(data, data + dataSize),
      });
    at = aligned(data + dataSize);
  }
  return variables;
}

function written({ name, vendor, attributes, time, data }: Variable): Buffer {
  const head = Buffer.alloc(VARIABLE_HEADER);
  const title = Buffer.from(`${name}\0`, 'utf16le');
  head.writeUInt16LE(0x55aa, 0);
  head[2] = ADDED;
  head.writeUInt32LE(attributes, 4);
  if ((attributes & AUTHENTICATED) === AUTHENTICATED) time.copy(head, 16);
  head.writeUInt32LE(title.length, 36);
  head.writeUInt32LE(data.length, 40);
  vendor.copy(head, 44);
  return Buffer.concat([head, title, data]);
}

function aligned(offset: number): number {
  return (offset + 3) & ~3;
}

/** As EFI_GUID lies in memory: the first three fields little-endian. */
function guid(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
