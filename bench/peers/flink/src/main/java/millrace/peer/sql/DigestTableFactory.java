package millrace.peer.sql;

import java.util.Set;
import millrace.peer.digest.DigestSink;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.types.RowKind;

/** The digest sink as a table. It asks for no rows before an update, which spares Flink making them. */
public final class DigestTableFactory implements DynamicTableSinkFactory {
    static final String IDENTIFIER = "digest";

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        return new DigestTable(context.getPhysicalRowDataType());
    }

    private static final class DigestTable implements DynamicTableSink {
        private final DataType rowType;

        DigestTable(DataType rowType) {
            this.rowType = rowType;
        }

        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            ChangelogMode.Builder accepted = ChangelogMode.newBuilder();
            requested.getContainedKinds().stream()
                    .filter(kind -> kind != RowKind.UPDATE_BEFORE)
                    .forEach(accepted::addContainedKind);
            return accepted.build();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(new DigestSink<>(new RowDataMixer(rowType.getLogicalType().getChildren())));
        }

        @Override
        public DynamicTableSink copy() {
            return new DigestTable(rowType);
        }

        @Override
        public String asSummaryString() {
            return IDENTIFIER;
        }
    }
}
