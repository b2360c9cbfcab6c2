export * from './channels.ts';
export * from './contract.ts';
export * from './errors.ts';
export * from './install.ts';
export * from './model.ts';
export * from './wire.ts';
