import type { ReactNode } from 'react';
import { Dialog, Heading } from 'react-aria-components/Dialog';
import { Modal, ModalOverlay } from 'react-aria-components/Modal';
import './dialog.css';

/**
 * A dialog over everything, open as long as it is mounted. Escape and a click outside close it;
 * the focus goes back to where it was.
 */
export function ModalDialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  /** `alertdialog` where something may be lost: a click outside does not close it. */
  readonly role?: 'dialog' | 'alertdialog';
  readonly actions: ReactNode;
  readonly children: ReactNode;
}) {
  const { role = 'dialog' } = props;
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={role === 'dialog'}
      onOpenChange={(open) => !open && props.onClose()}
    >
      <Modal className="modal">
        <Dialog className="dialog" role={role}>
          <Heading slot="title">{props.title}</Heading>
          <div className="dialog-body">{props.children}</div>
          <div className="dialog-actions">{props.actions}</div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
