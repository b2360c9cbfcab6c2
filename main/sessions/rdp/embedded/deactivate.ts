/**
 * xrdp announces a new size by a Deactivate All PDU (MS-RDPBCGR 2.2.3.1) that ends after its first
 * six bytes, without share and source. Microsoft's clients take that; IronRDP gives up. Servers
 * send it as a TLS record of its own, which is how it comes here: nothing else is looked into.
 */

const TPKT_HEADER = 4;
/** X.224 data, then MCS SendDataIndication. */
const INDICATION = Buffer.from([0x02, 0xf0, 0x80, 0x68]);
/** After it: initiator, channel, priority; then a length of one byte or two. */
const LENGTH_AT = TPKT_HEADER + INDICATION.length + 5;
/** Total length 6, type 6 of version 1: Deactivate All. */
const SHORT = Buffer.from([0x06, 0x00, 0x16, 0x00]);
const SHORT_BYTES = 6;

/** The record with share and source where it is xrdp's short message, else as it came. */
export function mendDeactivation(record: Buffer): Buffer {
  if (record.length < LENGTH_AT + 1 + SHORT_BYTES || record.length > LENGTH_AT + 2 + SHORT_BYTES) {
    return record;
  }
  const body = record.length - SHORT_BYTES;
  if (
    record[0] !== 3 ||
    record.readUInt16BE(2) !== record.length ||
    !record.subarray(TPKT_HEADER, TPKT_HEADER + INDICATION.length).equals(INDICATION) ||
    !record.subarray(body, body + SHORT.length).equals(SHORT)
  ) {
    return record;
  }
  // Share 0, a description of one byte.
  const added = Buffer.from([0, 0, 0, 0, 1, 0, 0]);
  const whole = Buffer.concat([record, added]);
  whole.writeUInt16BE(whole.length, 2);
  // The length's last byte: both messages are shorter than 128 bytes.
  whole.writeUInt8(SHORT_BYTES + added.length, body - 1);
  whole.writeUInt16LE(SHORT_BYTES + added.length, body);
  return whole;
}
