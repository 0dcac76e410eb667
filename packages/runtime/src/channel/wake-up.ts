/** How one end of a channel tells the other end's owner to look again. */
export interface WakeUp {
  /**
   * Called after what it announces can be seen by the owner. Cheap, never throws, may be called any number of times for
   * nothing. The owner then looks at all of its channels again; which one it was is not said.
   */
  wake(): void
}
