package millrace.peer.sql;

import java.util.Set;
import millrace.peer.Arguments;
import millrace.peer.source.GeneratorSource;
import millrace.peer.source.RecordMaker;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.types.DataType;

/** The generator as a table: {@code 'records'} is events or bids, {@code 'arguments'} are those of the main class. */
public final class GeneratorTableFactory implements DynamicTableSourceFactory {
    static final String IDENTIFIER = "generator";

    private static final ConfigOption<String> RECORDS =
            ConfigOptions.key("records").stringType().noDefaultValue();
    private static final ConfigOption<String> ARGUMENTS =
            ConfigOptions.key("arguments").stringType().noDefaultValue();

    @Override
    public String factoryIdentifier() {
        return IDENTIFIER;
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(RECORDS, ARGUMENTS);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        var options = org.apache.flink.configuration.Configuration.fromMap(
                context.getCatalogTable().getOptions());
        return new GeneratorTable(
                options.get(RECORDS), Arguments.parse(options.get(ARGUMENTS).split(" ")),
                context.getPhysicalRowDataType());
    }

    private static final class GeneratorTable implements ScanTableSource {
        private final String records;
        private final Arguments arguments;
        private final DataType rowType;

        GeneratorTable(String records, Arguments arguments, DataType rowType) {
            this.records = records;
            this.arguments = arguments;
            this.rowType = rowType;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            TypeInformation<RowData> type = context.createTypeInformation(rowType);
            RecordMaker<RowData> maker = records.equals("bids")
                    ? new BidRowMaker(arguments.nexmark(), arguments.keys(), type)
                    : new EventRowMaker(arguments.nexmark(), type);
            return SourceProvider.of(new GeneratorSource<>(maker, arguments.events()));
        }

        @Override
        public DynamicTableSource copy() {
            return new GeneratorTable(records, arguments, rowType);
        }

        @Override
        public String asSummaryString() {
            return IDENTIFIER;
        }
    }
}
