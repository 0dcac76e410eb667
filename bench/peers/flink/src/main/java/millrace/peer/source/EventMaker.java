package millrace.peer.source;

import millrace.peer.generator.NexmarkGenerator;
import millrace.peer.generator.NexmarkOptions;
import millrace.peer.model.Event;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;

/** Nexmark events as POJOs. */
public final class EventMaker implements RecordMaker<Event> {
    private static final long serialVersionUID = 1;

    private final NexmarkOptions options;
    private transient NexmarkGenerator generator;

    public EventMaker(NexmarkOptions options) {
        this.options = options;
    }

    @Override
    public void open() {
        generator = new NexmarkGenerator(options);
    }

    @Override
    public Event make(long index) {
        return generator.eventAt(index);
    }

    @Override
    public TypeInformation<Event> type() {
        return Types.POJO(Event.class);
    }
}
