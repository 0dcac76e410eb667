package millrace.peer.window;

import org.apache.flink.streaming.api.functions.windowing.WindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Puts a count beside its key and window. */
public final class WithKeyAndWindow implements WindowFunction<Long, KeyCount, Long, TimeWindow> {
    private static final long serialVersionUID = 1;

    @Override
    public void apply(Long key, TimeWindow window, Iterable<Long> counts, Collector<KeyCount> out) {
        KeyCount row = new KeyCount();
        row.key = key;
        row.windowStart = window.getStart();
        row.windowEnd = window.getEnd();
        row.count = counts.iterator().next();
        out.collect(row);
    }
}
