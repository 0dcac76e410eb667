package millrace.peer.shapes;

/** What the job with wide records needs of one; its fields are public, so that Flink takes it as a POJO. */
public interface WideRecord {
    /** Field 0. */
    long key();

    /** Field 2. */
    double amount();

    /** Sets every field from the hash of the record's number. */
    void fill(WideValues values, int hash);

    /** All fields in order. */
    int mix();
}
