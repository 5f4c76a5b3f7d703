// Draws a board's panels with Grafana's own components, from what its queries found.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { applyFieldOverrides, createTheme, dateTime, FieldColorModeId, FieldType, ThemeContext, toDataFrame } from '@grafana/data';
import { BigValue, PanelChrome, Table, TimeSeries } from '@grafana/ui';

const theme = createTheme({ colors: { mode: window.mode } });
const UNIT = 38;
const GAP = 8;
const COLUMN = (window.innerWidth - GAP) / 24;

// Grafana's registry of field options is not in its packages, so what a board says of a field is put into the field.
function fieldsOf(frames, panel) {
  const { defaults, overrides } = panel.fieldConfig;
  for (const field of frames.flatMap((frame) => frame.fields)) {
    const own = (overrides ?? []).filter((each) => each.matcher.options === field.name).flatMap((each) => each.properties);
    const said = Object.fromEntries(own.map((each) => [each.id, each.value]));
    const color = { mode: defaults.thresholds ? FieldColorModeId.Thresholds : FieldColorModeId.PaletteClassic };
    Object.assign(field.config, { color }, defaults, said);
  }
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

function Lines({ panel, width, height }) {
  const frames = fieldsOf(
    panel.series.map((each) =>
      toDataFrame({
        fields: [
          { name: 'time', type: FieldType.time, values: each.times },
          { name: each.name, type: FieldType.number, values: each.values, config: { displayNameFromDS: each.name } },
        ],
      })
    ),
    panel
  );
  const [from, to] = panel.range;
  const range = { from: dateTime(from), to: dateTime(to), raw: { from: 'now-1h', to: 'now' } };
  return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} />;
}

function Rows({ panel, width, height }) {
  const names = panel.columns;
  const [frame] = fieldsOf(
    [
      toDataFrame({
        fields: names.map((name, at) => ({
          name,
          type: panel.rows.every((row) => typeof row[at] === 'number') ? FieldType.number : FieldType.string,
          values: panel.rows.map((row) => row[at]),
        })),
      }),
    ],
    panel
  );
  return <Table data={frame} width={width - 28} height={height} />;
}

function Figure({ panel, width, height }) {
  const [frame] = fieldsOf([toDataFrame({ fields: [{ name: 'value', type: FieldType.number, values: [panel.value] }] })], panel);
  const value = frame.fields[0].display(panel.value);
  return <BigValue value={value} width={width} height={height} theme={theme} />;
}

const KINDS = { timeseries: Lines, table: Rows, stat: Figure };

function Board({ panels }) {
  return (
    <div style={{ position: 'relative', background: theme.colors.background.canvas, minHeight: '100vh' }}>
      {panels.map((panel) => {
        const Kind = KINDS[panel.type];
        const { x, y, w, h } = panel.gridPos;
        const place = { position: 'absolute', left: GAP + x * COLUMN, top: GAP + y * UNIT };
        return (
          <div key={panel.title} className="panel" style={place}>
            <PanelChrome title={panel.title} description={panel.description} width={w * COLUMN - GAP} height={h * UNIT - GAP}>
              {(width, height) => <Kind panel={panel} width={width} height={height} />}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

createRoot(document.getElementById('board')).render(
  <ThemeContext.Provider value={theme}>
    <Board panels={window.panels} />
  </ThemeContext.Provider>
);
