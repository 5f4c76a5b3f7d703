// Draws a board's panels with Grafana's own components and transformations, from what its queries found.
import React from 'react';
import { createRoot } from 'react-dom/client';
import {
  applyFieldOverrides,
  createTheme,
  dateTime,
  FieldColorModeId,
  FieldType,
  getFieldDisplayName,
  standardTransformers,
  standardTransformersRegistry,
  ThemeContext,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, BigValueColorMode, PanelChrome, Table, TimeSeries } from '@grafana/ui';
import { lastValueFrom } from 'rxjs';

const theme = createTheme({ colors: { mode: window.mode } });
const UNIT = 38;
const GAP = 8;
const HEADER = 44;
const COLUMN = (window.innerWidth - GAP) / 24;

// Some are listed under an older name as well.
const transformers = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((each) => ({ id: each.id, name: each.name, transformation: async () => each }))
);

// Grafana's registry of field options is not in its packages, so what a board says of a field is put into the field.
function fieldsOf(frames, panel) {
  const { defaults, overrides } = panel.fieldConfig;
  for (const frame of frames) {
    for (const field of frame.fields) {
      const names = [field.name, getFieldDisplayName(field, frame, frames)];
      const said = { custom: { ...defaults.custom } };
      for (const each of (overrides ?? []).filter((each) => names.includes(each.matcher.options))) {
        for (const { id, value } of each.properties) {
          const [, custom] = id.split('custom.');
          (custom ? said.custom : said)[custom ?? id] = value;
        }
      }
      const color = { mode: defaults.thresholds ? FieldColorModeId.Thresholds : FieldColorModeId.PaletteClassic };
      field.config = { color, ...defaults, ...field.config, ...said };
    }
  }
  return applyFieldOverrides({
    data: frames,
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
    timeZone: 'utc',
  });
}

// As Grafana's Prometheus data source makes them.
function framesOf(panel) {
  if (panel.type === 'table') {
    return panel.results.map(({ refId, series }) => {
      const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric).sort()))];
      const value = panel.results.length > 1 ? `Value #${refId}` : 'Value';
      return toDataFrame({
        refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: series.map(({ value: [at] }) => at * 1000) },
          ...labels.map((name) => ({
            name,
            type: FieldType.string,
            values: series.map(({ metric }) => metric[name] ?? ''),
          })),
          { name: value, type: FieldType.number, values: series.map(({ value: [, number] }) => Number(number)) },
        ],
      });
    });
  }
  return panel.series.map((each) =>
    toDataFrame({
      name: each.name,
      fields: [
        { name: 'Time', type: FieldType.time, values: each.times },
        { name: 'Value', type: FieldType.number, values: each.values, labels: each.labels, config: { displayNameFromDS: each.name } },
      ],
    })
  );
}

function Lines({ panel, width, height }) {
  const [from, to] = panel.range;
  const range = { from: dateTime(from), to: dateTime(to), raw: { from: 'now-1h', to: 'now' } };
  return <TimeSeries frames={panel.frames} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} />;
}

function Rows({ panel, width, height }) {
  return <Table data={panel.frames[0]} width={width - 28} height={height} initialSortBy={panel.options.sortBy} />;
}

function Figure({ panel, width, height }) {
  const [frame] = fieldsOf([toDataFrame({ fields: [{ name: 'value', type: FieldType.number, values: [panel.value] }] })], panel);
  const value = frame.fields[0].display(panel.value);
  return <BigValue value={value} width={width} height={height} theme={theme} colorMode={BigValueColorMode.Value} />;
}

function Elsewhere({ panel }) {
  return <p style={{ color: theme.colors.text.secondary, padding: 16 }}>From {panel.elsewhere}, which was not there for this picture.</p>;
}

const KINDS = { timeseries: Lines, table: Rows, stat: Figure };

function Header() {
  const chip = { border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '4px 8px' };
  return (
    <div style={{ display: 'flex', gap: 16, padding: `${GAP}px ${GAP}px 0`, fontSize: 13, color: theme.colors.text.primary }}>
      {window.choices.map(([label, value]) => (
        <span key={label}>
          <span style={{ ...chip, borderRight: 0, fontWeight: 500 }}>{label}</span>
          <span style={chip}>{value}</span>
        </span>
      ))}
    </div>
  );
}

function Board({ panels }) {
  return (
    <div style={{ position: 'relative', background: theme.colors.background.canvas, minHeight: '100vh' }}>
      <Header />
      {panels.map((panel) => {
        const Kind = panel.elsewhere ? Elsewhere : KINDS[panel.type];
        const { x, y, w, h } = panel.gridPos;
        const place = { position: 'absolute', left: GAP + x * COLUMN, top: HEADER + y * UNIT };
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

async function withFrames(panel) {
  if (panel.elsewhere || panel.type === 'stat') {
    return panel;
  }
  const frames = await lastValueFrom(transformDataFrame(panel.transformations ?? [], framesOf(panel)));
  return { ...panel, frames: fieldsOf(frames, panel) };
}

const panels = await Promise.all(window.panels.map(withFrames));
createRoot(document.getElementById('board')).render(
  <ThemeContext.Provider value={theme}>
    <Board panels={panels} />
  </ThemeContext.Provider>
);
