/**
 * The engine of local machines: QEMU under the session manager's port. Wired in `main/app.ts`.
 */
import type { VmEntry } from '../../base/manifest.ts';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import type { Engine } from '../engine.ts';

/** A base image as the image store hands it out: complete, verified, and not to be written. */
export interface AcquiredImage {
  /** Absolute. */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly version: string;
  /** Tells the store that the version is no longer in use. Safe to call twice. */
  release(): void;
}

/** Where base images come from; the image store satisfies it. */
export interface ImagePort {
  /**
   * The current version of an image, held until released.
   * @throws KioskError `MACHINE_IMAGE_MISSING` or `IMAGE_UNKNOWN`
   */
  acquire(imageId: string): Promise<AcquiredImage>;
}

export interface VmEngineOptions {
  readonly launcher: Launcher;
  readonly images: ImagePort;
  /** Sockets and records; on tmpfs, mode 0700, e.g. `$XDG_RUNTIME_DIR/vestibule/vm`. Short: a socket path has 107 bytes. */
  readonly runtimeFolder: string;
  /** Overlays, UEFI variables, TPM states: what may be large or must last. */
  readonly stateFolder: string;
  readonly log: Logger;
}

export type VmEngine = Engine<VmEntry> & Required<Pick<Engine<VmEntry>, 'adopt'>>;

export declare function createVmEngine(options: VmEngineOptions): VmEngine;
