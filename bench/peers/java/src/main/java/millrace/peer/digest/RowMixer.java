package millrace.peer.digest;

import java.io.Serializable;

/** Mixes a row's fields, in the order of the row's definition, from {@link RowDigest#ROW_START} on. */
@FunctionalInterface
public interface RowMixer<T> extends Serializable {
    int mix(T row);
}
