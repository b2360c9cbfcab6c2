/** The page of a SPICE display. */
import { startFrame } from './frame.ts';
import { scancode } from './scancodes.ts';
import { SpiceSession } from './session.ts';
import { installWireReader } from './wire.ts';

installWireReader();
startFrame((address, screen, events) => new SpiceSession(address, screen, events), scancode);
