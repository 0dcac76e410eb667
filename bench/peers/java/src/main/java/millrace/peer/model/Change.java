package millrace.peer.model;

/** A change of an account. */
public class Change {
    public long key;
    public long amount;
}
