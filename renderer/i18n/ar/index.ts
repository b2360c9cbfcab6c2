export { errors } from '../en/errors.ts';
export { messages } from '../en/messages.ts';
