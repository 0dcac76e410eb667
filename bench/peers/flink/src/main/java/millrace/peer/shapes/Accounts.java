package millrace.peer.shapes;

import millrace.peer.model.Change;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** An account for each key, read, changed and written back: count and sum of the amounts, and averages that forget. */
final class Accounts extends KeyedProcessFunction<Long, Change, Accounts.Row> {
    private static final long serialVersionUID = 1;
    private static final double[] WEIGHTS = {0.9, 0.7, 0.3, 0.1, 0.03, 0.01};

    public static class Row {
        public long key;
        public long count;
        public long total;
        public long average;
    }

    private transient ValueState<double[]> account;

    @Override
    public void open(OpenContext context) {
        // An array of numbers is written as such; a POJO would have a mark for each of its fields.
        account = getRuntimeContext()
                .getState(new ValueStateDescriptor<>(
                        "account", PrimitiveArrayTypeInfo.DOUBLE_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(Change change, Context context, Collector<Row> out) throws Exception {
        double[] values = account.value();
        if (values == null) {
            values = new double[2 + WEIGHTS.length];
        }
        values[0] += 1;
        values[1] += change.amount;
        for (int i = 0; i < WEIGHTS.length; i++) {
            values[2 + i] += (change.amount - values[2 + i]) * WEIGHTS[i];
        }
        account.update(values);
        Row row = new Row();
        row.key = change.key;
        row.count = (long) values[0];
        row.total = (long) values[1];
        row.average = (long) Math.floor(values[values.length - 1]);
        out.collect(row);
    }
}
