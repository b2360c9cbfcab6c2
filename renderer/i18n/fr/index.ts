export { errors } from './errors.ts';
export { messages } from './messages.ts';
