package millrace.peer.source;

import java.io.Serializable;
import org.apache.flink.api.common.typeinfo.TypeInformation;

/** Makes the record of a number. Opened once in each subtask, so that its pools need not travel with the job. */
public interface RecordMaker<T> extends Serializable {
    void open();

    T make(long index);

    TypeInformation<T> type();
}
