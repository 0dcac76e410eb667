package millrace.peer.window;

/** How many records a key has in a window. */
public class KeyCount {
    public long key;
    public long windowStart;
    public long windowEnd;
    public long count;
}
