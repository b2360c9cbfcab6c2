/** The page of an RDP desktop. */
import { startFrame } from './frame.ts';
import { RdpSession } from './rdp/session.ts';
import { BridgeSockets } from './rdp/sockets.ts';
import { makeCode } from './scancodes.ts';

const sockets = new BridgeSockets();
sockets.install(window);
startFrame((address, screen, events) => new RdpSession(address, screen, events, sockets), makeCode);
